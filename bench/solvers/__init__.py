"""Convex weight problems on the simplex, each with a certificate: squared error, log loss, pinball loss."""

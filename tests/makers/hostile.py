"""Plug-ins that do to their process what foreign code may do by mistake or by malice, beside honest ones."""

PLUGIN = '''
import os, random, signal, sys, threading, time
import numpy as np
from bench.core.nouns import Weights
from bench.methods.class_weights import register as class_weight
from bench.methods.ensembles import register as ensemble
from bench.methods.learners import register as learner
from bench.methods.metrics import register as metric
from bench.methods.postprocess import register as step

class Model:
    def __init__(self, width, act):
        self.width, self.act = width, act
    def fit(self, X, y, weight):
        self.mean = float(np.average(y, weights=weight))
        self.act()
    def predict(self, X):
        return np.full((len(X), self.width), self.mean if self.width == 1 else 1 / self.width)

class TextlessError(Exception):
    def __str__(self):
        raise RuntimeError("no text")

def fork_twice():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)

def patch():
    np.random.default_rng = np.mean = random.random = None
    np.seterr(all="raise")

def busy():
    threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()

def few_files():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

def textless():
    raise TextlessError

ACTS = {
    "forks_twice": fork_twice, "patches": patch, "is_busy": busy, "has_few_files": few_files, "is_textless": textless,
    "exits": lambda: sys.exit(0), "exits_at_once": lambda: os._exit(0), "faults": lambda: os.kill(os.getpid(), 11),
    "sets_alarm": lambda: signal.alarm(1), "moves": lambda: os.chdir("/"),
    "prints": lambda: print("::error::" + "z" * 10**6),
    "kills_parent": lambda: os.kill(os.getppid(), 9) or time.sleep(3600),
    "stops": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "honest": lambda: None,
}

def enter(name, act):
    def make(target, seed):
        return Model(target.width, act)
    make.__name__, make.__doc__ = name, name
    learner("point", "class", encoding="scaled", weights=True)(make)

for name, act in ACTS.items():
    enter(name, act)

@ensemble("point", "class")
def writes(panel, y, rng):
    """Change what the next one sees."""
    y -= y.mean()
    return Weights(np.eye(len(panel.learners))[0])

@ensemble("point", "class")
def patches_all(panel, y, rng):
    """Change what the next one calls."""
    np.tensordot = np.random.default_rng = None
    return lambda panel: panel.predictions[0]

@ensemble("point", "class")
def takes_last(panel, y, rng):
    """Take the last learner."""
    return Weights(np.eye(len(panel.learners))[-1])

@step("point")
def step_writes(prediction, y, rng):
    """Change what it was given."""
    prediction.values[:] = 0
    return lambda given: given

@metric("point", direction="min")
def writing(target, y, prediction):
    """Change what it was given."""
    np.mean = np.random.default_rng = None
    prediction.values[:] = y[:] = 0
    return 1.0

@metric("point", direction="min")
def dying(target, y, prediction):
    """End the process."""
    os._exit(0)

@metric("point", direction="min")
def my_mae(target, y, prediction):
    """Average the errors."""
    return float(np.average(np.abs(y - prediction.values[:, 0]), weights=prediction.weight))

@class_weight("fit")
def patching_weights(counts, total):
    """Change what the next one calls, and give 1 / n_c."""
    np.nanvar = None  # which nothing needs here
    return total / counts

@class_weight("fit")
def dying_weights(counts, total):
    """End the process."""
    os._exit(0)
'''

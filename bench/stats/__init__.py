"""Statistics of the comparison: functions from table to table that know nothing of learners or schemes."""

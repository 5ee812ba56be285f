"""The fuzzer is a program of its own: its files are run, not collected."""

collect_ignore = ["fuzz"]

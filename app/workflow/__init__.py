"""The use cases, Qt-free: what the window, the command line and a Python program all call."""

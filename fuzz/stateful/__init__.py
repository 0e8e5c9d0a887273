"""State machines that drive the code: what they share, where they are found, how they are run.

`machine.py` is what every machine derives from, `registry.py` finds machines and planted bugs by
listing their folders, `play.py` runs one machine from a seed, `plugin.py` is `pytest --stateful`.
"""

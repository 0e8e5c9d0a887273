"""One generated sequence of requests, played on two targets in lockstep; answers must be equal.

`python -m fuzz.differential --left reference --right apache-4.9.7 --seed 1 --count 50`.
"""

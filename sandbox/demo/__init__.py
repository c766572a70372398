"""The whole of Postgen on one machine, with stand-ins for what lies outside: `python -m sandbox.demo`."""

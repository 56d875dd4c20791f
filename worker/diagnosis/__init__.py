"""From the numbers of a run to a verdict in plain words. Only the hook knows a store; nothing here knows a network.

docs/diagnosis.md is made from the tables in here.
"""

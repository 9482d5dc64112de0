"""Places where sources lay their files down: each module pulls from one kind of them.

A puller goes through what is offered, leaves out what is known, and gives the rest one by one.
"""

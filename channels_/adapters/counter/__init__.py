"""Our own counters: money is taken by our own people, so nobody sends notices or reports."""

from channels_.contract import Adapter

ADAPTER = Adapter(code="counter", title="Counter")

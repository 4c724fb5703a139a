"""The cost model: replays a Program on the four engines and counts cycles, bytes, operations and energy."""

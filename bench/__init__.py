"""One file per target of the design; each prints a table and judges nothing. Run `script/bench` or `python -m bench.NAME`."""

"""Choosing settings by rules that use no test label: search spaces, trials, and what each rule would choose."""

def write_dataset(*a): raise SystemExit('later')

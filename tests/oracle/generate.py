def generate(seed, size): return ""

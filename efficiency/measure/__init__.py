"""What a model costs on the machine at hand: time, memory, size, arithmetic, energy."""

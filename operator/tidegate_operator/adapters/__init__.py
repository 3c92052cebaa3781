"""LoRA adapters as state: what is declared, what each worker has, and what makes the second the first."""

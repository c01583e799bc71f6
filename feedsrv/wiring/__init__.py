"""The hallway: settings become objects here, and nowhere else."""

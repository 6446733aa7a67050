"""The demo: the main job from a fresh machine, on real engines, with its proof at the end."""

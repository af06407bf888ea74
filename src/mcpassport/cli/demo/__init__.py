"""`make demo`: the main job on a real API, step by step."""

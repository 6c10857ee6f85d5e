"""How each compressed file becomes a model again. The source of these modules travels with it.

Every recipe has `restore(model, tensors, example)`: a fresh float model, the file's tensors and one
example input give the model to run. What is measured and what is downloaded is this very code.
"""

"""Which parameters are pruned: those that a request names, or all weights of layers.

A parameter goes by its name in `named_parameters`, like conv1.weight. Where two layers share one,
each of its names will do.
"""

from torch import nn

from efficiency.core.errors import BadInput, Unavailable, UnknownName

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
FEW = 3


def weights_of(layer: nn.Module) -> tuple[str, ...]:
    """The parameters of a layer that are matrices of its arithmetic; none in other layers."""
    if isinstance(layer, nn.RNNBase):
        names = (name for name, _ in layer.named_parameters(recurse=False))
        return tuple(name for name in names if name.startswith("weight_"))
    return ("weight",) if isinstance(layer, WEIGHTED) else ()


def prunable(model: nn.Module) -> tuple[str, ...]:
    """The weights of linear, convolution and recurrent layers, in the order of the model."""
    return tuple(
        f"{path}.{name}" if path else name
        for path, layer in model.named_modules()
        for name in weights_of(layer)
    )


def asked(model: nn.Module, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the parameters to prune, each once; all weights of layers for no names.

    Raises BadInput for a name that is not a parameter's, Unavailable where nothing can be pruned.
    """
    if not names and not (found := prunable(model)):
        raise Unavailable("This model has no linear, convolution or recurrent layer to prune.")
    if not names:
        return found
    parameters = dict(model.named_parameters(remove_duplicate=False))
    layers = {path for path, _ in model.named_modules()}
    for name in names:
        if name in parameters:
            if not parameters[name].is_floating_point():
                raise BadInput(f"{name} holds whole numbers, which are not pruned; leave it out.")
        elif name in layers and (inside := [each for each in parameters if _in(each, name)]):
            more = " and so on" if len(inside) > FEW else ""
            raise BadInput(
                f"{name} is a layer; write the parameters to prune: "
                f"{', '.join(inside[:FEW])}{more}."
            )
        else:
            raise UnknownName("parameter", name, tuple(parameters))
    return tuple(dict.fromkeys(names))


def chosen(model: nn.Module, names: tuple[str, ...]) -> tuple[tuple[nn.Module, str], ...]:
    """What `torch.nn.utils.prune` takes for `asked(model, names)`: modules and attributes."""
    return tuple(place(model, name) for name in asked(model, names))


def place(model: nn.Module, parameter: str) -> tuple[nn.Module, str]:
    """The module that holds a parameter, and the parameter's name in there."""
    path, _, name = parameter.rpartition(".")
    return model.get_submodule(path), name


def _in(parameter: str, layer: str) -> bool:
    return parameter.startswith(f"{layer}.")

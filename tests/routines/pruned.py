"""What a request prunes, without the story of how."""

from torch import Tensor, nn

from efficiency.core.requests import PruneRequest
from efficiency.routines.pruning.anatomy import pruned_with_anatomy


def pruned_copy(model: nn.Module, request: PruneRequest) -> tuple[nn.Module, dict[str, Tensor]]:
    pruned, masks, _ = pruned_with_anatomy(model, request)
    return pruned, masks

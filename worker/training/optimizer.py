"""Adam of a process that compiles nothing. Knows no run and no schedule.

PyTorch's optimisers import torch._dynamo with their first step, the compiler's front end: two seconds of a core and 300
modules, as much as torch itself, for nothing but to tell a compiler to stay away.
"""

from inspect import unwrap

import torch
from torch.optim import Adam, Optimizer


class EagerAdam(Adam):
    """torch.optim.Adam, and with `decoupled_weight_decay` AdamW, without what speaks to the compiler.

    `unwrap` takes off the wrappers that import it. `step` had one more, which takes no gradients of the step itself. A
    PyTorch that wraps them no longer is left as it is.
    """

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)
    step = torch.no_grad()(unwrap(Adam.step))

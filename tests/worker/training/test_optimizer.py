"""Adam without a compiler is Adam: the formulas of Kingma and Ba, and of Loshchilov and Hutter for weight decay."""

import pytest
import torch

from worker.training.optimizer import EagerAdam


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_its_steps_are_those_of_the_formulas(decay: float) -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
    optimizer = EagerAdam([weight], 0.01, (0.5, 0.9), weight_decay=decay, decoupled_weight_decay=True, fused=True)
    expected, mean, square = weight.detach().clone(), torch.zeros(3), torch.zeros(3)

    for step in range(1, 4):
        optimizer.zero_grad()
        (weight**3).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        gradient = 3 * expected**2
        mean, square = 0.5 * mean + 0.5 * gradient, 0.9 * square + 0.1 * gradient**2
        move = mean / (1 - 0.5**step) / ((square / (1 - 0.9**step)).sqrt() + 1e-8)
        expected = expected * (1 - 0.01 * decay) - 0.01 * move

    torch.testing.assert_close(weight.detach(), expected)


def test_what_it_learnt_is_kept_and_put_back() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    learnt, fresh = (EagerAdam([weight], 0.01, fused=True) for _ in range(2))
    weight.sum().backward()  # type: ignore[no-untyped-call]
    learnt.step()

    fresh.load_state_dict(learnt.state_dict())

    assert fresh.state[weight]["step"] == 1
    assert torch.equal(fresh.state[weight]["exp_avg"], learnt.state[weight]["exp_avg"])

"""What processes of one machine say to each other: `python meet.py LOCAL PROCESSES DEVICE MEETING`.

They meet as those of a training do, then compute together on their devices and agree on the processor.
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from bench.runs.workers import HERE, _meet
from bench.training.device import open_fabric
from bench.training.processes import Place, agree, tell
from bench.training.share import Share


def network_and_batch(processes):
    """The same in all of them; batch normalisation looks across the whole batch."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    return network, torch.rand(2 * processes, 3, 8, 8)


def loss(result):
    """No image weighs what another does."""
    return (result.square().mean(dim=(1, 2, 3)) * torch.arange(len(result), device=result.device)).mean()


def main():
    local, processes, device, meeting = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    torch.set_num_threads(1)
    place = Place(local, 0, processes, 1, HERE, 0)
    _meet(place, device, meeting)
    fabric = open_fabric(device, place)
    rank = fabric.global_rank
    total = torch.tensor([rank + 1.0], device=fabric.device)
    dist.all_reduce(total)
    network, image = (one.to(fabric.device) for one in network_and_batch(processes))
    result = Share(network)(image)
    loss(result).backward()
    said = {
        "rank": rank,
        "backend": dist.get_backend(),
        "device": str(fabric.device),
        "total": total.item(),
        "told": tell(fabric, {"from": rank}),
        "agreed": list(agree(fabric, rank == processes - 1, False)),
        "shape": list(result.shape),
        "gradient": network[0].weight.grad.double().norm().item(),
        "mean": network[1].running_mean.tolist(),
    }
    print(json.dumps(said), flush=True)
    dist.barrier()


if __name__ == "__main__":
    main()

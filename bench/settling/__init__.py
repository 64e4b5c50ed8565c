"""Settling: which claims are open, which runs they lack, what those cost, and making them within a budget of hours,
cheapest claims first. What a run is and how it is made is for bench/runs/, what a verdict is for bench/claims/."""

"""Due days, holds, the plan of a sweep, the brake, destruction, certificates."""

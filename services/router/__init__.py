"""Router: sends each RFI to the partners it fits and stores why."""

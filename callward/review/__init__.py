"""The annual review of the privacy notice: officer, board, and the actions they decide on."""

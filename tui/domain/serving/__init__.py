"""What serving bills, by which price, within which quota."""

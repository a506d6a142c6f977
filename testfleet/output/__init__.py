"""What people read: lines and tables on a terminal or in a log, units, JSON."""

"""What every bench is made of: profiles of idle and stall, a driver, a monitor, a scoreboard, coverage bins."""

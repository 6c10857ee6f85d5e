"""Programs that people take away: short, complete, and doing just what the study did."""

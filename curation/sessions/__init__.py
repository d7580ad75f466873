"""Rating sessions: plan, sampling, active learning, log, unblinding, suggested cut-off."""

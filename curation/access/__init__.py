"""Who may do what: ranks of people, the actions that each may take, and who acts now."""

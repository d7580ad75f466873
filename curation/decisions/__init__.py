"""The database of people's decisions: engine, schema, identity, audit trail."""

-- Which of the files beside this one the database has. Its row is what servers that start at once queue at.
CREATE TABLE IF NOT EXISTS schema_version (
  name    TEXT PRIMARY KEY,
  version BIGINT NOT NULL
);
INSERT INTO schema_version (name, version) VALUES ('opencat', 0) ON CONFLICT DO NOTHING;

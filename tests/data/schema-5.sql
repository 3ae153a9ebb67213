-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- The newest schema of vmctl.db. A change here needs STATE_VERSION in db.h
-- raised, a step in migrations.c that leads from the previous schema to this
-- one, and a copy of this file as tests/data/schema-<version>.sql.
--
-- Times are seconds since the epoch, sizes are bytes.

PRAGMA application_id = 1986880372; -- "vmct"

-- A stored image file. It may have several names. A row without a name is a
-- file that is being published or removed, by a process that may have died:
-- this is the record that lets it be cleaned up without guessing.
CREATE TABLE image_file (
	digest TEXT PRIMARY KEY
		CHECK (length(digest) = 64 AND digest NOT GLOB '*[^0-9a-f]*'),
	size INTEGER NOT NULL CHECK (size > 0),
	virtual_size INTEGER NOT NULL CHECK (virtual_size > 0),
	verified_at INTEGER NOT NULL,
	mark_size INTEGER NOT NULL,
	mark_mtime_ns INTEGER NOT NULL,
	mark_inode INTEGER NOT NULL
) STRICT;

CREATE TABLE image (
	name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 63),
	digest TEXT NOT NULL REFERENCES image_file (digest),
	source_digest TEXT NOT NULL,
	description TEXT NOT NULL,
	os TEXT NOT NULL,
	arch TEXT NOT NULL,
	user TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	-- Whether a guest takes the host key that the seed gives it, or makes
	-- its own, which is pinned at the first contact.
	host_keys TEXT NOT NULL DEFAULT 'seed'
		CHECK (host_keys IN ('seed', 'guest')),
	-- Where vmctl's agent in a guest comes from: the seed puts it there, or
	-- it is in the image, or there is to be none.
	agent TEXT NOT NULL DEFAULT 'seed'
		CHECK (agent IN ('seed', 'image', 'none'))
) STRICT;
CREATE INDEX image_digest ON image (digest);

-- Where an image came from and how that was verified. The checksum is
-- "sha512:<digits>" as its source tells it. Images of older versions have no
-- row.
CREATE TABLE image_origin (
	image TEXT PRIMARY KEY REFERENCES image (name) ON DELETE CASCADE,
	source TEXT NOT NULL,
	checksum TEXT NOT NULL,
	verified_by TEXT NOT NULL CHECK (verified_by IN ('none', 'digest',
		'checksum', 'signature')),
	signed_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ssh_key (
	name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 63),
	type TEXT NOT NULL,
	bits INTEGER NOT NULL,
	public_key TEXT NOT NULL UNIQUE,
	comment TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	md5 TEXT NOT NULL,
	private_path TEXT,
	created_at INTEGER NOT NULL
) STRICT;

-- Terminated instances stay, but hold no name, port or image any more.
-- Names are hostnames and so differ by more than case (RFC 4343).
CREATE TABLE instance (
	id TEXT PRIMARY KEY CHECK (length(id) = 10 AND id GLOB 'i-*'
		AND substr(id, 3) NOT GLOB '*[^0-9a-f]*'),
	name TEXT NOT NULL COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 63),
	state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'stopping',
		'stopped', 'paused', 'suspended', 'error', 'terminated')),
	reason TEXT NOT NULL,
	type TEXT NOT NULL,
	vcpus INTEGER NOT NULL CHECK (vcpus > 0),
	memory INTEGER NOT NULL CHECK (memory > 0),
	disk INTEGER NOT NULL CHECK (disk > 0),
	image TEXT NOT NULL,
	image_digest TEXT NOT NULL,
	-- What its disk stands on: the database itself refuses to forget that
	-- file while the instance lives.
	base TEXT GENERATED ALWAYS AS
		(iif(state = 'terminated', NULL, image_digest)) STORED
		REFERENCES image_file (digest),
	user TEXT NOT NULL,
	ssh_port INTEGER CHECK (ssh_port BETWEEN 1 AND 65535),
	accel TEXT NOT NULL,
	connection TEXT NOT NULL,
	uuid TEXT NOT NULL UNIQUE,
	host_key TEXT NOT NULL,
	host_key_sha256 TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	launched_at INTEGER NOT NULL,
	terminated_at INTEGER NOT NULL,
	note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX instance_name ON instance (name)
	WHERE state <> 'terminated';
CREATE UNIQUE INDEX instance_port ON instance (ssh_port)
	WHERE state <> 'terminated' AND ssh_port IS NOT NULL;
CREATE INDEX instance_base ON instance (base);

-- An instance's own copy of its keys (KEY-006).
CREATE TABLE instance_key (
	instance TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	name TEXT NOT NULL,
	public_key TEXT NOT NULL,
	private_path TEXT,
	PRIMARY KEY (instance, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_key_file ON instance_key (private_path)
	WHERE private_path IS NOT NULL;

-- The interfaces of an instance. Those of a terminated one are not live and
-- hold neither MAC nor address. `source` is the network or bridge. A reserved
-- address is the instance's own for as long as it lives (NET-006), another is
-- what was last seen.
CREATE TABLE nic (
	instance TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('user', 'network', 'bridge')),
	source TEXT NOT NULL,
	mac TEXT NOT NULL,
	address TEXT,
	reserved INTEGER NOT NULL CHECK (reserved IN (0, 1)),
	live INTEGER NOT NULL CHECK (live IN (0, 1)),
	PRIMARY KEY (instance, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX nic_mac ON nic (mac) WHERE live;
-- Not unique: networks of two connections may have the same name.
CREATE INDEX nic_address ON nic (source, address)
	WHERE live AND reserved;

-- Ports of the host forwarded to an instance, beside ssh's. Those of a
-- terminated one are gone. One that is going is not wanted any more, but may
-- still be set in the hypervisor: its row goes after that.
CREATE TABLE port_forward (
	instance TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
	protocol TEXT NOT NULL CHECK (protocol IN ('tcp', 'udp')),
	host_address TEXT NOT NULL,
	host_port INTEGER NOT NULL CHECK (host_port BETWEEN 1 AND 65535),
	guest_port INTEGER NOT NULL CHECK (guest_port BETWEEN 1 AND 65535),
	going INTEGER NOT NULL DEFAULT 0 CHECK (going IN (0, 1)),
	PRIMARY KEY (protocol, host_address, host_port)
) STRICT, WITHOUT ROWID;
CREATE INDEX port_forward_instance ON port_forward (instance);

CREATE TABLE label (
	instance TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
	key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 63),
	value TEXT NOT NULL CHECK (length(value) <= 255),
	PRIMARY KEY (instance, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX label_key ON label (key, value);

-- Commands run in guests. They outlive the record of the instance, whose name
-- is a copy. Each argument of argv ends with a zero byte; none is a login
-- shell. duration_ms is NULL while it runs, or when the process that is named
-- as in intent died before its end. `error` is why there is no exit status.
CREATE TABLE execution (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	instance TEXT NOT NULL,
	name TEXT NOT NULL,
	user TEXT NOT NULL,
	argv BLOB NOT NULL,
	transport TEXT NOT NULL,
	pid INTEGER NOT NULL,
	start_time INTEGER NOT NULL,
	boot_id TEXT NOT NULL,
	started_at_ms INTEGER NOT NULL,
	duration_ms INTEGER,
	status INTEGER,
	signal INTEGER NOT NULL,
	timed_out INTEGER NOT NULL CHECK (timed_out IN (0, 1)),
	bytes_in INTEGER NOT NULL,
	bytes_out INTEGER NOT NULL,
	bytes_err INTEGER NOT NULL,
	error TEXT NOT NULL
) STRICT;
CREATE INDEX execution_instance ON execution (instance);
CREATE INDEX execution_started ON execution (started_at_ms);

-- Networks that vmctl made, on the connection that they are on. Another one may
-- have the name later; '' is the UUID of a record that an older version made.
CREATE TABLE network (
	connection TEXT NOT NULL,
	name TEXT NOT NULL,
	uuid TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (connection, name, uuid)
) STRICT, WITHOUT ROWID;

-- Work begun and not ended.
CREATE TABLE intent (
	instance TEXT PRIMARY KEY REFERENCES instance (id) ON DELETE CASCADE,
	verb TEXT NOT NULL,
	step TEXT NOT NULL,
	pid INTEGER NOT NULL,
	start_time INTEGER NOT NULL,
	boot_id TEXT NOT NULL,
	command TEXT NOT NULL,
	begun_at INTEGER NOT NULL
) STRICT;

-- What is dear to find out about this host, valid within its scope.
CREATE TABLE fact (
	key TEXT PRIMARY KEY,
	scope TEXT NOT NULL,
	value TEXT NOT NULL,
	set_at INTEGER NOT NULL
) STRICT;

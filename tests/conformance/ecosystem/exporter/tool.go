//go:build tools

// Package tool names the exporter, so that its version and what it needs are pinned here.
package tool

import _ "github.com/nats-io/prometheus-nats-exporter"

// The kinds of the Prometheus operator, against which the chart's monitors and rules are judged: pinned here, fetched by tools/kit.
module jumun.dev/tools/monitors

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.93.1

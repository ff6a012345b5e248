package main

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gomail/bounces"
	"gomail/inbound"
	"gomail/queue"
	"gomail/smtpd"
	"gomail/store"
)

// metrics are what Prometheus reads.
type metrics struct {
	registry    *prometheus.Registry
	connections *prometheus.GaugeVec
	refused     *prometheus.CounterVec
	replies     *prometheus.CounterVec
	octets      *prometheus.CounterVec
	received    *prometheus.CounterVec
	attempts    *prometheus.CounterVec
	protected   *prometheus.CounterVec
	failures    *prometheus.CounterVec
	returned    *prometheus.CounterVec
	alarms      prometheus.Gauge
}

func newMetrics(st *store.Store) *metrics {
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gomail_smtp_connections", Help: "Open SMTP connections."}, []string{"server"}),
		refused:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_smtp_connections_refused_total", Help: "SMTP connections turned away, by limit."}, []string{"server", "reason"}),
		replies:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_smtp_replies_total", Help: "SMTP replies, by command and code."}, []string{"server", "command", "code"}),
		octets:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_smtp_message_bytes_total", Help: "Octets of messages taken over SMTP."}, []string{"server"}),
		received:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_received_total", Help: "Messages from other servers, by outcome."}, []string{"outcome"}),
		attempts:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_delivery_attempts_total", Help: "Attempts to deliver to a recipient, by outcome."}, []string{"outcome"}),
		protected:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_delivery_tls_total", Help: "Recipients delivered to other servers, by how the server was verified."}, []string{"verified"}),
		failures:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_recipients_failed_total", Help: "Recipients that were given up or came back, by the reason."}, []string{"class"}),
		returned:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gomail_returned_total", Help: "Bounces and complaints that came by mail; unproven: not of a message that we sent."}, []string{"outcome"}),
		alarms:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "gomail_bounce_alarms", Help: "Domains and accounts of whose mail too much comes back."}),
	}
	m.registry.MustRegister(m.connections, m.refused, m.replies, m.octets, m.received, m.attempts, m.protected, m.failures, m.returned, m.alarms,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	count := func(name, help string, value func() int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	count("gomail_store_commits_total", "Transactions of the store.", func() int64 { n, _ := st.Commits(); return n })
	count("gomail_store_writes_total", "Writes that the transactions carried.", func() int64 { _, n := st.Commits(); return n })
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// smtp returns the hooks of one SMTP server.
func (m *metrics) smtp(server string) smtpd.Metrics {
	open := m.connections.WithLabelValues(server)
	octets := m.octets.WithLabelValues(server)
	return smtpd.Metrics{
		Opened:  open.Inc,
		Closed:  open.Dec,
		Refused: func(reason string) { m.refused.WithLabelValues(server, reason).Inc() },
		Reply:   func(verb string, code int) { m.replies.WithLabelValues(server, verb, strconv.Itoa(code)).Inc() },
		Message: func(code int, n int64) {
			if code == 250 {
				octets.Add(float64(n))
			}
		},
	}
}

func (m *metrics) inbound() inbound.Metrics {
	return inbound.Metrics{Received: func(outcome string) { m.received.WithLabelValues(outcome).Inc() }}
}

func (m *metrics) queue() queue.Metrics {
	outcomes := map[queue.Outcome]prometheus.Counter{
		queue.Delivered: m.attempts.WithLabelValues("delivered"),
		queue.Temporary: m.attempts.WithLabelValues("deferred"),
		queue.Permanent: m.attempts.WithLabelValues("failed"),
	}
	return queue.Metrics{Attempt: func(r queue.Result) {
		outcomes[r.Outcome].Inc()
		if r.Outcome == queue.Delivered && r.Remote != "" {
			m.protected.WithLabelValues(protection(r.TLS)).Inc()
		}
	}}
}

// protection names how a server was verified: dane, mta-sts, webpki, no; plain:
// there was no TLS.
func protection(s queue.Security) string {
	switch {
	case s.Version == "":
		return "plain"
	case s.Verified == "":
		return "no"
	}
	return string(s.Verified)
}

func (m *metrics) bounces() bounces.Metrics {
	return bounces.Metrics{
		Failed:   func(c bounces.Class) { m.failures.WithLabelValues(string(c)).Inc() },
		Returned: func(outcome string) { m.returned.WithLabelValues(outcome).Inc() },
		Alarms:   func(n int) { m.alarms.Set(float64(n)) },
	}
}

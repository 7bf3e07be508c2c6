// Command naive is the benchmark's point of comparison: Jumun's saga as a team would write it first with controller-runtime.
// The same kinds, the same steps, the same actors; each controller gets what it needs, creates or updates what should be
// there, sets its finalizer by an update, writes a status at every step and an Event with it (but for the books of products
// and wallets, whose entries say it). It is good enough to carry orders of warehouses and kitchens to their end and to undo
// cancelled ones; what protects Jumun's books from a crash or a stale cache is not in it.
package main

import (
	"context"
	"flag"
	"net"
	"os"

	"go.uber.org/zap/zapcore"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	crconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// finalizer is set by an update of its own, as the books teach it.
const finalizer = "naive.jumun.dev/cleanup"

// base is what every controller has.
type base struct {
	client.Client
	events events.EventRecorder
}

func main() {
	namespace := flag.String("namespace", "", "the namespace to work in")
	metrics := flag.String("metrics", "127.0.0.1:0", "where metrics are served; port 0 takes a free one")
	concurrency := flag.Int("concurrency", 16, "how many objects of one kind are worked on at once")
	config.RegisterFlags(flag.CommandLine)
	flag.Parse()
	// A benchmark does not measure logging: what goes wrong is logged, what goes well is not.
	ctrl.SetLogger(zap.New(zap.Level(zapcore.ErrorLevel)))
	if err := run(ctrl.SetupSignalHandler(), *namespace, *metrics, *concurrency); err != nil {
		os.Stderr.WriteString("naive: " + err.Error() + "\n")
		os.Exit(1)
	}
}

func run(ctx context.Context, namespace, metrics string, concurrency int) error {
	scheme := runtime.NewScheme()
	addToScheme(scheme)
	address, err := free(metrics)
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{
		Scheme:     scheme,
		Metrics:    server.Options{BindAddress: address},
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
		Controller: crconfig.Controller{MaxConcurrentReconciles: concurrency},
	})
	if err != nil {
		return err
	}
	common := base{Client: manager.GetClient(), events: manager.GetEventRecorder("naive")}
	for _, setup := range []func(ctrl.Manager, base) error{
		setupProducts, setupWallets, setupOrders, setupPayments, setupTickets, setupDeliveries, setupViews,
	} {
		if err := setup(manager, common); err != nil {
			return err
		}
	}
	go func() {
		if manager.GetCache().WaitForCacheSync(ctx) {
			os.Stderr.WriteString("naive: ready, metrics at " + address + "\n")
		}
	}()
	return manager.Start(ctx)
}

// finish sets the status of an object and tells it in an Event.
func (b base) finish(ctx context.Context, object client.Object, reason, note string) error {
	if err := b.Status().Update(ctx, object); err != nil {
		return err
	}
	b.events.Eventf(object, nil, "Normal", reason, "Reconcile", "%s", note)
	return nil
}

// guard sets our finalizer; true means that it was missing, and that the update brings us here again.
func (b base) guard(ctx context.Context, object client.Object) (bool, error) {
	if !controllerutil.AddFinalizer(object, finalizer) {
		return false, nil
	}
	return true, b.Update(ctx, object)
}

// release takes our finalizer off an object that is being deleted.
func (b base) release(ctx context.Context, object client.Object) error {
	if !controllerutil.RemoveFinalizer(object, finalizer) {
		return nil
	}
	return b.Update(ctx, object)
}

func now() *metav1.Time {
	at := metav1.Now()
	return &at
}

func condition(generation int64, kind string, status metav1.ConditionStatus, reason, message string) []metav1.Condition {
	return []metav1.Condition{{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: generation, LastTransitionTime: *now(),
	}}
}

// common is what every status says: what was seen, and how it is going.
func common(object client.Object, state, message string, done bool) Common {
	status := metav1.ConditionUnknown
	if done {
		status = metav1.ConditionTrue
	}
	generation := object.GetGeneration()
	return Common{ObservedGeneration: generation, Conditions: condition(generation, "Succeeded", status, state, message)}
}

// free finds a port where none was named; the manager wants to know it beforehand.
func free(address string) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

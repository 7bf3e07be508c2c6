package main

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

type views struct{ base }

func setupViews(manager ctrl.Manager, common base) error {
	toOrder := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(object)}}
	})
	return ctrl.NewControllerManagedBy(manager).Named("orderview").
		For(&Order{}).Watches(&Payment{}, toOrder).Watches(&Ticket{}, toOrder).Watches(&Delivery{}, toOrder).
		Complete(&views{common})
}

// Reconcile copies what an order and its children say into one row.
func (r *views) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var order Order
	if err := r.Get(ctx, request.NamespacedName, &order); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var payment Payment
	var ticket Ticket
	var delivery Delivery
	for _, child := range []client.Object{&payment, &ticket, &delivery} {
		if err := r.Get(ctx, request.NamespacedName, child); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, err
		}
	}
	view := &View{}
	view.Namespace, view.Name = order.Namespace, order.Name
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, view, func() error {
		view.Spec.Order = ref(&order)
		view.Spec.Customer, view.Spec.Store = order.Spec.Customer, order.Spec.Store
		if terms := order.Status.Terms; terms != nil {
			view.Spec.Seller, view.Spec.Amount = terms.Seller, &terms.Amount
		}
		status := &view.Status
		if state := order.Status.State; state != "" && state != status.Order {
			status.Order = state
			status.Timeline = append(status.Timeline, Moment{state, *now()})
		}
		status.Payment, status.Store, status.Delivery = payment.Status.State, ticket.Status.State, delivery.Status.State
		status.CancelRequested = order.Spec.Cancel != nil
		if delivery.Spec.Courier != nil {
			status.Courier = delivery.Spec.Courier.Name
		}
		return nil
	})
	return ctrl.Result{}, err
}

package main

import (
	"context"
	"errors"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type payments struct{ base }

func setupPayments(manager ctrl.Manager, common base) error {
	return ctrl.NewControllerManagedBy(manager).For(&Payment{}).Complete(&payments{common})
}

// Reconcile charges a wallet, or gives the money back.
func (r *payments) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var payment Payment
	if err := r.Get(ctx, request.NamespacedName, &payment); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if payment.DeletionTimestamp != nil {
		return ctrl.Result{}, r.release(ctx, &payment)
	}
	if again, err := r.guard(ctx, &payment); again || err != nil {
		return ctrl.Result{}, err
	}
	state := payment.Status.State
	switch {
	case state == "Cancelled" || state == "Declined":
		return ctrl.Result{}, nil
	case payment.Spec.Cancel:
		if err := r.settle(ctx, &payment, "Refunded"); err != nil {
			return ctrl.Result{}, err
		}
		payment.Status.CancelledAt = now()
		return ctrl.Result{}, r.step(ctx, &payment, "Cancelled", "given back")
	case state == "":
		err := r.settle(ctx, &payment, "Charged")
		if err == errTooLittle {
			payment.Status.DeclinedAt = now()
			return ctrl.Result{}, r.step(ctx, &payment, "Declined", err.Error())
		} else if err != nil {
			return ctrl.Result{}, err
		}
		payment.Status.ApprovedAt = now()
		return ctrl.Result{}, r.step(ctx, &payment, "Approved", "charged")
	}
	return ctrl.Result{}, nil
}

func (r *payments) step(ctx context.Context, payment *Payment, state, message string) error {
	payment.Status.State = state
	payment.Status.Common = common(payment, state, message, state == "Approved")
	return r.finish(ctx, payment, state, message)
}

var errTooLittle = errors.New("the wallet has too little money")

// settle books a charge or a refund on the wallet, once.
func (r *payments) settle(ctx context.Context, payment *Payment, answer string) error {
	var wallet Wallet
	if err := r.Get(ctx, client.ObjectKey{Namespace: payment.Namespace, Name: payment.Spec.Wallet.Name}, &wallet); err != nil {
		return err
	}
	status, order, amount := &wallet.Status, payment.Spec.Order, payment.Spec.Amount.Amount
	at := find(status.Entries, order.UID)
	switch {
	case answer == "Charged" && at < 0:
		if wallet.Spec.Deposited.Amount-status.Charged.Amount < amount {
			return errTooLittle
		}
		status.Charged.Amount += amount
		status.Entries = append(status.Entries, Entry{Order: order.UID, Name: order.Name, Amount: amount, Answer: "Charged"})
	case answer == "Refunded" && at >= 0:
		status.Charged.Amount -= amount
		status.Entries = slices.Delete(status.Entries, at, at+1)
	default:
		return nil
	}
	balance(&wallet)
	return r.Status().Update(ctx, &wallet)
}

type tickets struct{ base }

func setupTickets(manager ctrl.Manager, common base) error {
	return ctrl.NewControllerManagedBy(manager).For(&Ticket{}).Complete(&tickets{common})
}

// Reconcile shows what the store has decided and done.
func (r *tickets) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var ticket Ticket
	if err := r.Get(ctx, request.NamespacedName, &ticket); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if ticket.DeletionTimestamp != nil {
		return ctrl.Result{}, r.release(ctx, &ticket)
	}
	if again, err := r.guard(ctx, &ticket); again || err != nil {
		return ctrl.Result{}, err
	}
	state := "Offered"
	switch {
	case ticket.Spec.Hold != nil:
		state = "Cancelled"
	case ticket.Spec.Cooking == "Finished":
		state = "Cooked"
	case ticket.Spec.Cooking == "Started":
		state = "Cooking"
	case ticket.Spec.Decision == "Accept":
		state = "Accepted"
	}
	if ticket.Status.State == state || ticket.Status.State == "Cancelled" {
		return ctrl.Result{}, nil
	}
	if state == "Cancelled" {
		ticket.Status.CancelledAt = now()
	}
	ticket.Status.State = state
	ticket.Status.Common = common(&ticket, state, "the store says so", state == "Cooked")
	return ctrl.Result{}, r.finish(ctx, &ticket, state, "the store says so")
}

type deliveries struct{ base }

func setupDeliveries(manager ctrl.Manager, common base) error {
	return ctrl.NewControllerManagedBy(manager).For(&Delivery{}).Complete(&deliveries{common})
}

// Reconcile shows what the courier has done.
func (r *deliveries) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var delivery Delivery
	if err := r.Get(ctx, request.NamespacedName, &delivery); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if delivery.DeletionTimestamp != nil {
		return ctrl.Result{}, r.release(ctx, &delivery)
	}
	if again, err := r.guard(ctx, &delivery); again || err != nil {
		return ctrl.Result{}, err
	}
	status := &delivery.Status
	state := status.State
	switch {
	case state == "Cancelled" || state == "Confirmed":
	case delivery.Spec.Hold != nil && state != "Delivered":
		state, status.CancelledAt = "Cancelled", now()
	case state == "Delivered":
		state, status.ConfirmedAt = "Confirmed", now()
	case delivery.Spec.Progress == "Delivered":
		state, status.DeliveredAt = "Delivered", now()
	case delivery.Spec.Progress == "PickedUp":
		state, status.PickedUpAt = "PickedUp", now()
	case delivery.Spec.Ready:
		state = "Ready"
	default:
		state = "Waiting"
	}
	if state == delivery.Status.State {
		return ctrl.Result{}, nil
	}
	delivery.Status.State = state
	delivery.Status.Common = common(&delivery, state, "the courier says so", state == "Confirmed")
	return ctrl.Result{}, r.finish(ctx, &delivery, state, "the courier says so")
}

package main

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

var errOutOfStock = errors.New("too little stock")

type orders struct {
	base
	manager ctrl.Manager
}

func setupOrders(manager ctrl.Manager, common base) error {
	return ctrl.NewControllerManagedBy(manager).
		For(&Order{}).Owns(&Payment{}).Owns(&Ticket{}).Owns(&Delivery{}).
		Complete(&orders{common, manager})
}

// Reconcile takes an order one step further.
func (r *orders) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var order Order
	if err := r.Get(ctx, request.NamespacedName, &order); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if again, err := r.guard(ctx, &order); again || err != nil {
		return ctrl.Result{}, err
	}
	if ended(&order) {
		if order.DeletionTimestamp != nil {
			return ctrl.Result{}, r.release(ctx, &order)
		}
		return ctrl.Result{}, nil
	}
	wish := order.Spec.Cancel != nil || order.DeletionTimestamp != nil
	if wish && order.Status.State != "Delivered" && order.Status.State != "Cancelling" {
		return ctrl.Result{}, r.step(ctx, &order, "Cancelling", "the customer wishes to cancel")
	}
	return ctrl.Result{}, r.carry(ctx, &order)
}

func ended(order *Order) bool { return order.Status.EndedAt != nil }

// step writes how far the order is.
func (r *orders) step(ctx context.Context, order *Order, state, message string) error {
	order.Status.State = state
	order.Status.Common = common(order, state, message, state == "Completed")
	return r.finish(ctx, order, state, message)
}

func (r *orders) end(ctx context.Context, order *Order, state, message string) error {
	order.Status.EndedAt = now()
	return r.step(ctx, order, state, message)
}

func (r *orders) carry(ctx context.Context, order *Order) error {
	switch order.Status.State {
	case "":
		return r.place(ctx, order)
	case "Placed":
		return r.pay(ctx, order)
	case "Paid", "Accepted", "Cooking":
		if order.Status.Terms.Fulfilment == "Kitchen" {
			return r.cook(ctx, order)
		}
		return r.deliver(ctx, order)
	case "Cooked", "Delivering", "Delivered":
		return r.deliver(ctx, order)
	case "Cancelling":
		return r.undo(ctx, order)
	}
	return nil
}

// place fixes the terms and holds the stock.
func (r *orders) place(ctx context.Context, order *Order) error {
	var store Store
	if err := r.Get(ctx, client.ObjectKey{Namespace: order.Namespace, Name: order.Spec.Store}, &store); err != nil {
		return err
	}
	var wallet Wallet
	if err := r.Get(ctx, client.ObjectKey{Namespace: order.Namespace, Name: order.Spec.Payment.Wallet}, &wallet); err != nil {
		return err
	}
	if wallet.Spec.Owner != order.Spec.Customer {
		return r.end(ctx, order, "Invalid", "the wallet is somebody else's")
	}
	terms := &Terms{Seller: store.Spec.Seller, Confirmation: "Automatic", Wallet: Ref{wallet.Name, string(wallet.UID)}}
	if store.Spec.Fulfilment == "Kitchen" {
		terms.Fulfilment = "Kitchen"
	}
	for _, item := range order.Spec.Items {
		var product Product
		if err := r.Get(ctx, client.ObjectKey{Namespace: order.Namespace, Name: item.Product}, &product); err != nil {
			return err
		}
		price := product.Spec.Price
		terms.Amount = Money{terms.Amount.Amount + price.Amount*item.Quantity, price.Currency}
		terms.Items = append(terms.Items, Line{item.Product, string(product.UID), item.Quantity, price.Amount})
	}
	if err := r.stock(ctx, order, "Held"); errors.Is(err, errOutOfStock) {
		return r.end(ctx, order, "OutOfStock", err.Error())
	} else if err != nil {
		return err
	}
	order.Status.Terms, order.Status.PlacedAt = terms, now()
	return r.step(ctx, order, "Placed", "stock is held")
}

func (r *orders) pay(ctx context.Context, order *Order) error {
	payment := &Payment{ObjectMeta: child(order)}
	if err := r.ensure(ctx, order, payment, func() {
		payment.Spec.Order = ref(order)
		payment.Spec.Method = "Wallet"
		payment.Spec.Wallet = order.Status.Terms.Wallet
		payment.Spec.Amount = order.Status.Terms.Amount
	}); err != nil {
		return err
	}
	switch payment.Status.State {
	case "Approved":
		if err := r.stock(ctx, order, "Sold"); err != nil {
			return err
		}
		order.Status.PaidAt = now()
		return r.step(ctx, order, "Paid", "the payment is approved")
	case "Declined":
		if err := r.stock(ctx, order, "Released"); err != nil {
			return err
		}
		return r.end(ctx, order, "PaymentFailed", "the payment was declined")
	}
	return nil
}

func (r *orders) cook(ctx context.Context, order *Order) error {
	ticket := &Ticket{ObjectMeta: child(order)}
	if err := r.ensure(ctx, order, ticket, func() {
		ticket.Spec.Order = ref(order)
		ticket.Spec.Store, ticket.Spec.Customer = order.Spec.Store, order.Spec.Customer
		ticket.Spec.Items, ticket.Spec.Amount = order.Spec.Items, order.Status.Terms.Amount
		ticket.Spec.Acceptance, ticket.Spec.Until = "Manual", "Delivered"
	}); err != nil {
		return err
	}
	state := ticket.Status.State
	if (state == "Accepted" || state == "Cooking" || state == "Cooked") && state != order.Status.State {
		return r.step(ctx, order, state, "the kitchen says so")
	}
	return nil
}

func (r *orders) deliver(ctx context.Context, order *Order) error {
	delivery := &Delivery{ObjectMeta: child(order)}
	if err := r.ensure(ctx, order, delivery, func() {
		delivery.Spec.Order = ref(order)
		delivery.Spec.DeliverTo, delivery.Spec.Zone = order.Spec.DeliverTo, order.Spec.DeliverTo.Zone
		delivery.Spec.Confirmation, delivery.Spec.Ready = "Automatic", true
	}); err != nil {
		return err
	}
	switch at, state := order.Status.State, delivery.Status.State; {
	case at != "Delivering" && at != "Delivered":
		return r.step(ctx, order, "Delivering", "handed to delivery")
	case at == "Delivering" && (state == "Delivered" || state == "Confirmed"):
		return r.step(ctx, order, "Delivered", "the courier has delivered it")
	case at == "Delivered" && state == "Confirmed":
		return r.end(ctx, order, "Completed", "received")
	}
	return nil
}

// undo holds what actors could go on with, gives the money back, then the stock.
func (r *orders) undo(ctx context.Context, order *Order) error {
	key := client.ObjectKey{Namespace: order.Namespace, Name: order.Name}
	undone := true
	var delivery Delivery
	if err := r.Get(ctx, key, &delivery); err == nil {
		if delivery.Spec.Hold == nil {
			delivery.Spec.Hold = &Hold{Cause: "Customer", Step: "Delivered"}
			if err := r.Update(ctx, &delivery); err != nil {
				return err
			}
		}
		undone = delivery.Status.State == "Cancelled"
	} else if client.IgnoreNotFound(err) != nil {
		return err
	}
	var ticket Ticket
	if err := r.Get(ctx, key, &ticket); err == nil {
		if ticket.Spec.Hold == nil {
			ticket.Spec.Hold = &Hold{Cause: "Customer"}
			if err := r.Update(ctx, &ticket); err != nil {
				return err
			}
		}
		undone = undone && ticket.Status.State == "Cancelled"
	} else if client.IgnoreNotFound(err) != nil {
		return err
	}
	var payment Payment
	if err := r.Get(ctx, key, &payment); err == nil {
		if !payment.Spec.Cancel {
			payment.Spec.Cancel = true
			if err := r.Update(ctx, &payment); err != nil {
				return err
			}
		}
		undone = undone && (payment.Status.State == "Cancelled" || payment.Status.State == "Declined")
	} else if client.IgnoreNotFound(err) != nil {
		return err
	}
	if !undone {
		return nil
	}
	if err := r.giveBack(ctx, order); err != nil {
		return err
	}
	return r.end(ctx, order, "Cancelled", "everything is undone")
}

// giveBack releases what is held, and what was sold before the wish came.
func (r *orders) giveBack(ctx context.Context, order *Order) error {
	if order.Status.PaidAt == nil {
		return r.stock(ctx, order, "Released")
	}
	for _, item := range order.Spec.Items {
		var product Product
		if err := r.Get(ctx, client.ObjectKey{Namespace: order.Namespace, Name: item.Product}, &product); err != nil {
			return err
		}
		product.Status.Sold -= item.Quantity
		book(&product)
		if err := r.Status().Update(ctx, &product); err != nil {
			return err
		}
	}
	return nil
}

// ensure gets a child, and creates or updates it as `fill` says.
func (r *orders) ensure(ctx context.Context, order *Order, object client.Object, fill func()) error {
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, object, func() error {
		fill()
		return controllerutil.SetControllerReference(order, object, r.manager.GetScheme())
	})
	return err
}

func child(order *Order) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: order.Namespace, Name: order.Name, Labels: map[string]string{"jumun.dev/order": order.Name}}
}

func ref(order *Order) Ref { return Ref{order.Name, string(order.UID)} }

package main

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// How many entries a wallet keeps: the schema bounds the list.
const kept = 500

type products struct{ base }

func setupProducts(manager ctrl.Manager, common base) error {
	return ctrl.NewControllerManagedBy(manager).For(&Product{}).Complete(&products{common})
}

// Reconcile counts what is supplied.
func (r *products) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var product Product
	if err := r.Get(ctx, request.NamespacedName, &product); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if product.Status.ObservedGeneration == product.Generation {
		return ctrl.Result{}, nil
	}
	book(&product)
	return ctrl.Result{}, r.finish(ctx, &product, "Stocked", fmt.Sprintf("%d supplied", product.Spec.Stock))
}

// book sums up a product's status.
func book(product *Product) {
	status := &product.Status
	status.Supplied = product.Spec.Stock
	status.Available = product.Spec.Stock - status.Reserved - status.Sold
	status.Common = Common{ObservedGeneration: product.Generation, Conditions: condition(product.Generation, "Ready", metav1.ConditionTrue, "Ready", "")}
}

type wallets struct{ base }

func setupWallets(manager ctrl.Manager, common base) error {
	return ctrl.NewControllerManagedBy(manager).For(&Wallet{}).Complete(&wallets{common})
}

// Reconcile counts what was paid in.
func (r *wallets) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var wallet Wallet
	if err := r.Get(ctx, request.NamespacedName, &wallet); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if wallet.Status.ObservedGeneration == wallet.Generation {
		return ctrl.Result{}, nil
	}
	balance(&wallet)
	return ctrl.Result{}, r.finish(ctx, &wallet, "Deposited", fmt.Sprintf("%d deposited", wallet.Spec.Deposited.Amount))
}

// balance sums up a wallet's status.
func balance(wallet *Wallet) {
	status := &wallet.Status
	status.Deposited = Total{wallet.Spec.Deposited.Amount}
	status.Balance = &Money{wallet.Spec.Deposited.Amount - status.Charged.Amount, wallet.Spec.Deposited.Currency}
	status.Common = Common{ObservedGeneration: wallet.Generation, Conditions: condition(wallet.Generation, "Ready", metav1.ConditionTrue, "Ready", "")}
	if extra := len(status.Entries) - kept; extra > 0 {
		status.Entries = slices.Delete(status.Entries, 0, extra)
	}
}

func find(entries []Entry, order string) int {
	return slices.IndexFunc(entries, func(entry Entry) bool { return entry.Order == order })
}

// stock books every line of an order on its product: held, sold or released. A line that is booked already stays as it is.
func (r *orders) stock(ctx context.Context, order *Order, answer string) error {
	for _, item := range order.Spec.Items {
		var product Product
		key := client.ObjectKey{Namespace: order.Namespace, Name: item.Product}
		if err := r.Get(ctx, key, &product); err != nil {
			return err
		}
		status, at := &product.Status, find(product.Status.Entries, string(order.UID))
		switch {
		case answer == "Held" && at < 0:
			if product.Spec.Stock-status.Reserved-status.Sold < item.Quantity {
				return errOutOfStock
			}
			status.Reserved += item.Quantity
			entry := Entry{Order: string(order.UID), Name: order.Name, Quantity: item.Quantity, Answer: "Held"}
			status.Entries = append(status.Entries, entry)
		case answer != "Held" && at >= 0:
			status.Reserved -= item.Quantity
			if answer == "Sold" {
				status.Sold += item.Quantity
			}
			status.Entries = slices.Delete(status.Entries, at, at+1)
		default:
			continue
		}
		book(&product)
		if err := r.Status().Update(ctx, &product); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The kinds of Jumun, as far as the twin reads and writes them.

var group = schema.GroupVersion{Group: "jumun.dev", Version: "v1alpha1"}

type part[T any] interface{ clone() T }

// Object is one kind: metadata, spec and status.
type Object[S part[S], T part[T]] struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              S `json:"spec"`
	Status            T `json:"status,omitzero"`
}

// DeepCopyObject makes a copy that shares nothing that is ever changed.
func (o *Object[S, T]) DeepCopyObject() runtime.Object {
	out := &Object[S, T]{TypeMeta: o.TypeMeta, Spec: o.Spec.clone(), Status: o.Status.clone()}
	o.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	return out
}

// List is what the API server answers to a list.
type List[S part[S], T part[T]] struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Object[S, T] `json:"items"`
}

// DeepCopyObject copies a list item by item.
func (l *List[S, T]) DeepCopyObject() runtime.Object {
	out := &List[S, T]{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy()}
	for i := range l.Items {
		out.Items = append(out.Items, *l.Items[i].DeepCopyObject().(*Object[S, T]))
	}
	return out
}

func register[S part[S], T part[T]](scheme *runtime.Scheme, kind string) {
	scheme.AddKnownTypeWithName(group.WithKind(kind), &Object[S, T]{})
	scheme.AddKnownTypeWithName(group.WithKind(kind+"List"), &List[S, T]{})
}

func addToScheme(scheme *runtime.Scheme) {
	register[StoreSpec, Nothing](scheme, "Store")
	register[ProductSpec, ProductStatus](scheme, "Product")
	register[WalletSpec, WalletStatus](scheme, "Wallet")
	register[OrderSpec, OrderStatus](scheme, "Order")
	register[PaymentSpec, PaymentStatus](scheme, "Payment")
	register[TicketSpec, TicketStatus](scheme, "Ticket")
	register[DeliverySpec, DeliveryStatus](scheme, "Delivery")
	register[ViewSpec, ViewStatus](scheme, "OrderView")
	metav1.AddToGroupVersion(scheme, group)
}

// The kinds by name.
type (
	Store    = Object[StoreSpec, Nothing]
	Product  = Object[ProductSpec, ProductStatus]
	Wallet   = Object[WalletSpec, WalletStatus]
	Order    = Object[OrderSpec, OrderStatus]
	Payment  = Object[PaymentSpec, PaymentStatus]
	Ticket   = Object[TicketSpec, TicketStatus]
	Delivery = Object[DeliverySpec, DeliveryStatus]
	View     = Object[ViewSpec, ViewStatus]
)

// Nothing stands for a status that nobody here reads.
type Nothing struct{}

// Money is an amount in the minor unit of its currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Total is an amount whose currency is known from elsewhere.
type Total struct {
	Amount int64 `json:"amount"`
}

// Ref names an object and says which one of that name.
type Ref struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Item is a product and how many of it.
type Item struct {
	Product  string `json:"product"`
	Quantity int64  `json:"quantity"`
}

// Address is where to deliver.
type Address struct {
	Recipient string `json:"recipient"`
	Address   string `json:"address"`
	Zone      string `json:"zone"`
	Phone     string `json:"phone,omitempty"`
}

// Hold stops the steps of the actors of a child.
type Hold struct {
	Cause string `json:"cause"`
	Step  string `json:"step,omitempty"`
}

// Common is what every status has.
type Common struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

func (c Common) copied() Common {
	return Common{ObservedGeneration: c.ObservedGeneration, Conditions: slices.Clone(c.Conditions)}
}

// StoreSpec is a shop's terms.
type StoreSpec struct {
	Seller     string `json:"seller"`
	Fulfilment string `json:"fulfilment,omitempty"`
}

// ProductSpec is what a store sells.
type ProductSpec struct {
	Store string `json:"store"`
	Price Money  `json:"price"`
	Stock int64  `json:"stock"`
}

// Entry is one order in the books of a product or a wallet.
type Entry struct {
	Order    string `json:"order"`
	Name     string `json:"name"`
	Quantity int64  `json:"quantity,omitempty"`
	Amount   int64  `json:"amount,omitempty"`
	Answer   string `json:"answer"`
}

// ProductStatus is the stock.
type ProductStatus struct {
	Common    `json:",inline"`
	Supplied  int64   `json:"supplied"`
	Available int64   `json:"available"`
	Reserved  int64   `json:"reserved"`
	Sold      int64   `json:"sold"`
	Entries   []Entry `json:"entries,omitempty"`
}

// WalletSpec is a customer's prepaid money.
type WalletSpec struct {
	Owner     string `json:"owner"`
	Deposited Money  `json:"deposited"`
}

// WalletStatus is what is left of it.
type WalletStatus struct {
	Common    `json:",inline"`
	Deposited Total   `json:"deposited"`
	Balance   *Money  `json:"balance,omitempty"`
	Charged   Total   `json:"charged"`
	Entries   []Entry `json:"entries,omitempty"`
}

// OrderSpec is what a customer buys.
type OrderSpec struct {
	Customer  string  `json:"customer"`
	Store     string  `json:"store"`
	Items     []Item  `json:"items"`
	Payment   Payer   `json:"payment"`
	DeliverTo Address `json:"deliverTo"`
	Cancel    *Cancel `json:"cancel,omitempty"`
}

// Payer is how an order is paid.
type Payer struct {
	Method string `json:"method,omitempty"`
	Wallet string `json:"wallet"`
}

// Cancel is the wish to cancel.
type Cancel struct {
	Reason string `json:"reason"`
}

// Line is one product of an order at its price.
type Line struct {
	Product  string `json:"product"`
	UID      string `json:"uid"`
	Quantity int64  `json:"quantity"`
	Price    int64  `json:"price"`
}

// Terms are fixed when an order is placed.
type Terms struct {
	Amount       Money  `json:"amount"`
	Items        []Line `json:"items"`
	Wallet       Ref    `json:"wallet"`
	Seller       string `json:"seller"`
	Fulfilment   string `json:"fulfilment,omitempty"`
	Confirmation string `json:"confirmation"`
}

// OrderStatus is how far an order is.
type OrderStatus struct {
	Common   `json:",inline"`
	State    string       `json:"state,omitempty"`
	PlacedAt *metav1.Time `json:"placedAt,omitempty"`
	Terms    *Terms       `json:"terms,omitempty"`
	PaidAt   *metav1.Time `json:"paidAt,omitempty"`
	EndedAt  *metav1.Time `json:"endedAt,omitempty"`
}

// PaymentSpec is one charge of one order.
type PaymentSpec struct {
	Order  Ref    `json:"order"`
	Method string `json:"method,omitempty"`
	Wallet Ref    `json:"wallet"`
	Amount Money  `json:"amount"`
	Cancel bool   `json:"cancel,omitempty"`
}

// PaymentStatus is what became of it.
type PaymentStatus struct {
	Common      `json:",inline"`
	State       string       `json:"state,omitempty"`
	ApprovedAt  *metav1.Time `json:"approvedAt,omitempty"`
	DeclinedAt  *metav1.Time `json:"declinedAt,omitempty"`
	CancelledAt *metav1.Time `json:"cancelledAt,omitempty"`
}

// TicketSpec is a paid order as the store sees it.
type TicketSpec struct {
	Order      Ref    `json:"order"`
	Store      string `json:"store"`
	Customer   string `json:"customer"`
	Items      []Item `json:"items"`
	Amount     Money  `json:"amount"`
	Acceptance string `json:"acceptance,omitempty"`
	Until      string `json:"until,omitempty"`
	Hold       *Hold  `json:"hold,omitempty"`
	Decision   string `json:"decision,omitempty"`
	Cooking    string `json:"cooking,omitempty"`
}

// TicketStatus is how far the kitchen is.
type TicketStatus struct {
	Common      `json:",inline"`
	State       string       `json:"state,omitempty"`
	CancelledAt *metav1.Time `json:"cancelledAt,omitempty"`
}

// DeliverySpec is one shipment.
type DeliverySpec struct {
	Order        Ref      `json:"order"`
	DeliverTo    Address  `json:"deliverTo"`
	Zone         string   `json:"zone"`
	Confirmation string   `json:"confirmation,omitempty"`
	Ready        bool     `json:"ready"`
	Hold         *Hold    `json:"hold,omitempty"`
	Courier      *Courier `json:"courier,omitempty"`
	Progress     string   `json:"progress,omitempty"`
}

// Courier is who carries it.
type Courier struct {
	Name string `json:"name"`
	Zone string `json:"zone"`
}

// DeliveryStatus is where it is.
type DeliveryStatus struct {
	Common      `json:",inline"`
	State       string       `json:"state,omitempty"`
	PickedUpAt  *metav1.Time `json:"pickedUpAt,omitempty"`
	DeliveredAt *metav1.Time `json:"deliveredAt,omitempty"`
	ConfirmedAt *metav1.Time `json:"confirmedAt,omitempty"`
	CancelledAt *metav1.Time `json:"cancelledAt,omitempty"`
}

// ViewSpec is what does not change of a row.
type ViewSpec struct {
	Order    Ref    `json:"order"`
	Customer string `json:"customer"`
	Store    string `json:"store"`
	Seller   string `json:"seller,omitempty"`
	Amount   *Money `json:"amount,omitempty"`
}

// ViewStatus is what moves of a row.
type ViewStatus struct {
	Order           string   `json:"order,omitempty"`
	Payment         string   `json:"payment,omitempty"`
	Store           string   `json:"store,omitempty"`
	Delivery        string   `json:"delivery,omitempty"`
	CancelRequested bool     `json:"cancelRequested"`
	Courier         string   `json:"courier,omitempty"`
	Timeline        []Moment `json:"timeline,omitempty"`
}

// Moment is one entry of a row's timeline.
type Moment struct {
	What string      `json:"what"`
	At   metav1.Time `json:"at"`
}

// What a pointer points to is replaced and never changed, so copies may share it.

func (s Nothing) clone() Nothing           { return s }
func (s StoreSpec) clone() StoreSpec       { return s }
func (s ProductSpec) clone() ProductSpec   { return s }
func (s WalletSpec) clone() WalletSpec     { return s }
func (s PaymentSpec) clone() PaymentSpec   { return s }
func (s DeliverySpec) clone() DeliverySpec { return s }
func (s ViewSpec) clone() ViewSpec         { return s }

func (s OrderSpec) clone() OrderSpec {
	s.Items = slices.Clone(s.Items)
	return s
}

func (s TicketSpec) clone() TicketSpec {
	s.Items = slices.Clone(s.Items)
	return s
}

func (s ProductStatus) clone() ProductStatus {
	s.Common, s.Entries = s.copied(), slices.Clone(s.Entries)
	return s
}

func (s WalletStatus) clone() WalletStatus {
	s.Common, s.Entries = s.copied(), slices.Clone(s.Entries)
	return s
}

func (s OrderStatus) clone() OrderStatus {
	s.Common = s.copied()
	return s
}

func (s PaymentStatus) clone() PaymentStatus {
	s.Common = s.copied()
	return s
}

func (s TicketStatus) clone() TicketStatus {
	s.Common = s.copied()
	return s
}

func (s DeliveryStatus) clone() DeliveryStatus {
	s.Common = s.copied()
	return s
}

func (s ViewStatus) clone() ViewStatus {
	s.Timeline = slices.Clone(s.Timeline)
	return s
}

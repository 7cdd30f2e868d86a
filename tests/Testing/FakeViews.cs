namespace Orleans.Personalize.Testing;

/// <summary>Profiles as readers see them, for tests that need one and care for little of it.</summary>
public static class FakeViews
{
    /// <summary>A customer of whom nothing is known but that there is one.</summary>
    public static CustomerView Of(string customer) => new()
    {
        Customer = customer,
        Version = 1,
        FirstSeenAt = null,
        LastSeenAt = null,
        Traits = [],
        Consent = [],
        Counters = [],
        Cart = new CartView(null, 0, [], null),
        Orders = [],
        Waits = [],
        Sends = [],
        Decisions = [],
        Recent = [],
    };
}

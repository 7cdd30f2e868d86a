namespace Orleans.Personalize;

/// <summary>Finds customers of one workspace, keyed by the workspace.</summary>
[Alias("ICustomerSearchGrain")]
public interface ICustomerSearchGrain : IGrainWithStringKey
{
    /// <summary>Customers whose id, e-mail address or declared trait, written <c>plan:gold</c>, starts with the text, letter case aside; with an empty text the most recently active.</summary>
    /// <param name="limit">1 to 200.</param>
    Task<CustomerHit[]> Search(string text, int limit);
}

[GenerateSerializer, Immutable, Alias("CustomerHit")]
public sealed record CustomerHit(
    [property: Id(0)] string Customer,
    [property: Id(1)] string? Email,
    [property: Id(2)] long Version);

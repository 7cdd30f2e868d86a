namespace Orleans.Personalize.Journal;

/// <summary>The keys of the <c>names</c> table. Stored: a change needs a migration.</summary>
internal static class SqliteNames
{
    public static string OfId(string customer)
    {
        var key = CustomerKey.Parse(customer);
        return IdPrefix(key.Workspace, key.CustomerId);
    }

    public static string OfEmail(string customer, string email) => EmailPrefix(CustomerKey.Parse(customer).Workspace, email);

    public static string OfTerm(string customer, string term) => TermPrefix(CustomerKey.Parse(customer).Workspace, term);

    public static string IdPrefix(string workspace, string text) => $"id/{workspace}/{SearchText.Fold(text)}";

    public static string TermPrefix(string workspace, string text) => $"term/{workspace}/{SearchText.Fold(text)}";

    public static string EmailPrefix(string workspace, string text) => $"email/{workspace}/{SearchText.Fold(text)}";
}

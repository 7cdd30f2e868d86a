namespace Orleans.Personalize.Journal;

/// <summary>The texts of the <c>names</c> table. Stored: a change needs a migration.</summary>
internal static class PostgresNames
{
    public static string OfId(string customer)
    {
        var key = CustomerKey.Parse(customer);
        return Prefix(key.Workspace, key.CustomerId);
    }

    public static string OfEmail(string customer, string email) => Prefix(CustomerKey.Parse(customer).Workspace, email);

    public static string Prefix(string workspace, string text) => $"{workspace}/{SearchText.Fold(text)}";
}

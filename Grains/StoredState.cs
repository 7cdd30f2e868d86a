using Orleans.Runtime;

namespace Orleans.Personalize;

internal static class StoredState
{
    /// <summary>Puts a state in the place of the one that is stored. After a failure it is as it was.</summary>
    /// <param name="deactivate">Ends the activation: the failed write may have happened, and only the storage knows.</param>
    public static async Task ReplaceAsync<T>(this IPersistentState<T> stored, T next, Action deactivate)
    {
        var before = stored.State;
        stored.State = next;
        try
        {
            await stored.WriteStateAsync();
        }
        catch
        {
            stored.State = before;
            deactivate();
            throw;
        }
    }
}
